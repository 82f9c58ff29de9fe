"""One file a step of the convert flow; steps do not know each other."""
