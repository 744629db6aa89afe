"""What other systems write, read into callkit's words; one file per format."""
