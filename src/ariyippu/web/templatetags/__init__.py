"""Django looks for template filters here."""
