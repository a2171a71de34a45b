"""One folder a vendor; each implements a port."""
