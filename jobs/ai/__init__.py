"""Language models behind one interface, tried one after the other."""
