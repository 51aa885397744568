"""What is said and to whom: notices in two languages, criteria, and the signed order."""
