"""The pure core: attrs and the standard library; no clock, no disk."""
