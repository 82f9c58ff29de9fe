"""A fleet: template, list of machines, and two ways to serve what `xeninstall answers render` makes of them."""
