"""The installer's screens: the only package that knows Textual. It asks, shows and explains; `plan` and `apply` do the work."""
