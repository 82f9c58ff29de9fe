"""Doing it: a plan's actions become effects on a disk or an image file, with a journal, and nothing left behind."""
