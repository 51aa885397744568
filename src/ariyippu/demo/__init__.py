"""A demonstration: invented people and offices, a stand-in for the outside world, the main job end to end."""
