"""Door two: batches are leased, contacts opened, messages handed off, outcomes kept."""
