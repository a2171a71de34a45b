"""Evidence made by Deputy: the checks of a patch in fresh sandboxes, and what scanners see."""
