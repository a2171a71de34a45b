"""Values, status table and errors that every room shares."""
