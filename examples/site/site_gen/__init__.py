"""Turns a folder of Markdown into a folder of HTML pages."""
