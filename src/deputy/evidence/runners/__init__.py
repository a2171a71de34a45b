"""What test runners print, and the reports that they write."""
