"""The napari side: the only place with Qt, magicgui and napari. It never imports torch."""
