"""The scanners, each as a program of its own."""
