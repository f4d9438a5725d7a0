"""Prints the published protocol descriptors: for each file given by path inside `buildgrid/_protos` (without
`_pb2.py`), one line with the serialized FileDescriptorProto in hex.

Read from the generated sources without importing them: importing registers the Google files a second time where
`googleapis-common-protos` is installed, and protobuf refuses that.
"""

import ast
import importlib.util
import pathlib
import sys


def serialized(source: pathlib.Path) -> bytes:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "AddSerializedFile":
                return ast.literal_eval(node.args[0])
    raise SystemExit(f"{source}: no descriptor in it")


package = importlib.util.find_spec("buildgrid")
if package is None:
    raise SystemExit("the package buildgrid is not installed")
protos = pathlib.Path(package.submodule_search_locations[0], "_protos")
for name in sys.argv[1:]:
    print(serialized(protos / f"{name}_pb2.py").hex())
