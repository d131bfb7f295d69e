"""Packages of bioimage.io: made of our models, and segmenting with those of others."""
