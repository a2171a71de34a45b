"""What a patch makes the software depend on."""
