"""The work on disk: a folder with a manifest, a log of strokes, a snapshot and models. No torch."""
