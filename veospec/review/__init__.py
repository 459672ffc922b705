"""What people look at, as text: the manifest, the review page, timelines, captions, comments. Pure."""
