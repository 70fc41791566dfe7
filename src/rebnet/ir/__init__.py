"""The network as frozen, typed, printable data between training and hardware."""
