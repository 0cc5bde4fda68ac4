"""The libraries that the compile engine consists of, by file name."""

# The three that are asked for; the dynamic linker finds the others beside them. To load each by
# itself would be wrong: weak symbols would bind in another order than the engine was built for,
# and it crashes.
ENTRIES = (
    "libinference_engine_c_api.so",
    "libmyriadPlugin.so",
    "libinference_engine_ir_reader.so",
)
LIBRARIES = (
    *ENTRIES,
    "libinference_engine.so",
    "libinference_engine_transformations.so",
    "libinference_engine_legacy.so",
    "libngraph.so",
    "libtbb.so.2",
)
