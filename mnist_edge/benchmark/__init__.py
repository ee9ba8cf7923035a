"""How fast an exported file answers on this machine, beside other runtimes."""
