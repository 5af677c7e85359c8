"""Writes the given SQL files, in order, as one C array of strings: embed.py OUT NAME FILE..."""
import sys

out, name, *files = sys.argv[1:]
with open(out, "w", encoding="ascii") as c:
    c.write('#include "storage/rows/migrations.h"\n\n')
    c.write(f"const char *const {name}[] = {{\n")
    for file in files:
        for line in open(file, encoding="ascii"):
            text = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
            c.write(f'\t"{text}\\n"\n')
        c.write("\t,\n")
    c.write("};\n")
    c.write(f"const size_t {name}_count = sizeof {name} / sizeof *{name};\n")
