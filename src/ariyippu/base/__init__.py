"""What every stage stands on: settings, databases, keys, documents, the journal, errors, time."""
