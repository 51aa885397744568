"""Records become persons: features of several registers' records are compared under a grant that names them."""
