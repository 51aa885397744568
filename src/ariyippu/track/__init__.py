"""What became of it: receipts beside outcomes, and the counts that follow from both."""
