"""Names of the files that the tools of every family leave for each other."""

NETLIST, REPORT, NEXTPNR_LOG, PACK_LOG = "device.json", "nextpnr.json", "nextpnr.log", "pack.log"
