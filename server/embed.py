#!/usr/bin/env python3
"""Files -> a C array: embed.py NAME OUT.c OUT.h FILE... The files follow one another without a
seam, which for descriptor sets makes one set of them all."""
import sys


def main():
    name, source, header, *files = sys.argv[1:]
    data = b"".join(open(f, "rb").read() for f in files)
    with open(header, "w") as f:
        f.write(f"#include <stddef.h>\n#include <stdint.h>\n\n"
                f"extern const uint8_t {name}[];\nextern const size_t {name}_len;\n")
    with open(source, "w") as f:
        f.write(f'#include "{header.rsplit("/", 1)[-1]}"\n\nconst uint8_t {name}[] = {{\n')
        for i in range(0, len(data), 20):
            f.write("\t" + ",".join(map(str, data[i:i + 20])) + ",\n")
        f.write(f"}};\nconst size_t {name}_len = sizeof {name};\n")


main()
