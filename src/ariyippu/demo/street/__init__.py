"""The demonstration's street: what arrived on invented phones and in invented mailboxes.

In a real installation nobody in government can see this; here it shows that the messages did arrive.
"""
