"""The hatch."""

urlpatterns: list[object] = []
