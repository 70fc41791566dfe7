"""Methods that were published, one a file; each says its paper and what each part is there."""
