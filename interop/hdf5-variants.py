"""Writes chunk_indexes.h5: every index that HDF5 has for chunks, groups and attributes in every storage, odd types. Values follow from
their place (see VALUE), so that a reader needs no second file.

usage: python hdf5-variants.py chunk_indexes.h5     (h5py 3.16.0)
"""

import sys

import h5py
import numpy as np


def value(shape, dtype="i4"):
    """VALUE: element number i of an array is (i * 7919) % 251, in row-major order."""
    return ((np.arange(int(np.prod(shape))) * 7919) % 251).astype(dtype).reshape(shape)


def main(path):
    with h5py.File(path, "w", libver="latest", userblock_size=1024) as f:
        c = f.create_group("chunks")
        c["single"] = value((5, 4))
        c.create_dataset("single_chunk", data=value((5, 4)), chunks=(5, 4))
        c.create_dataset("single_gzip", data=value((5, 4)), chunks=(5, 4), compression="gzip")
        c.create_dataset("fixed", data=value((40, 6)), chunks=(4, 4))
        c.create_dataset("fixed_gzip", data=value((40, 6)), chunks=(4, 4), compression="gzip", shuffle=True)
        # More chunks than a page of 1024 holds.
        c.create_dataset("fixed_paged", data=value((2500,)), chunks=(1,), dtype="i2")
        c.create_dataset("growing", data=value((9, 6)), chunks=(2, 4), maxshape=(None, 6))
        c.create_dataset("growing_gzip", data=value((9, 6)), chunks=(2, 4), maxshape=(None, 6), compression="gzip")
        c.create_dataset("growing_second", data=value((6, 9)), chunks=(4, 2), maxshape=(6, None))
        # Blocks behind blocks, and pages in them.
        c.create_dataset("growing_long", data=value((6000,)), chunks=(1,), maxshape=(None,), dtype="i2")
        c.create_dataset("growing_long_lzf", data=value((700,)), chunks=(3,), maxshape=(None,), dtype="i2", compression="lzf")
        c.create_dataset("two_ways", data=value((30, 20)), chunks=(3, 2), maxshape=(None, None))
        c.create_dataset("two_ways_gzip", data=value((60, 40)), chunks=(2, 2), maxshape=(None, None), compression="gzip")
        holes = c.create_dataset("holes", shape=(20, 4), chunks=(4, 4), maxshape=(None, 4), dtype="i4", fillvalue=7)
        holes[8:12] = value((4, 4))
        space = h5py.h5s.create_simple((10, 4))
        early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        early.set_chunk((4, 4))
        early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        h5py.Dataset(h5py.h5d.create(c.id, b"implicit", h5py.h5t.NATIVE_INT32, space, early))[...] = value((10, 4))
        many = f.create_group("many")
        for i in range(300):
            many[f"array_{i:03d}"] = np.int32(i + np.arange(2))
        many.attrs.update({f"attribute_{i:02d}": f"text {i}" for i in range(20)})
        filters = f.create_group("filters")
        filters.create_dataset("lzf", data=value((50, 10)), chunks=(16, 10), compression="lzf")
        filters.create_dataset("lzf_noise", data=np.random.default_rng(1).integers(0, 255, (64, 16)).astype("u1"), chunks=(16, 16), compression="lzf")
        filters.create_dataset("checked", data=value((50,)), chunks=(16,), fletcher32=True)
        filters.create_dataset("checked_bytes", data=value((51,), "u1"), chunks=(17,), fletcher32=True)
        filters.create_dataset("scaled", data=value((40,)), chunks=(16,), scaleoffset=0)
        filters.create_dataset("scaled_float", data=value((40,), "f4") / 8, chunks=(16,), scaleoffset=3)
        filters.create_dataset("scaled_double", data=-value((40,), "f8") / 4, chunks=(16,), scaleoffset=2)
        types = f.create_group("types")
        types["f2"] = value((4, 3), "f2")
        types["f2_big"] = value((4, 3), ">f2")
        types["u8_big"] = value((4,), ">u8")
        types["bool"] = value((6,)) % 2 == 0
        types.create_dataset("text", data=["ä", "", "three words here"], dtype=h5py.string_dtype())
        types["fixed_text"] = np.array([b"ab", b"cdef"])
        types["record"] = np.array([(1, 2.5), (3, -4.0)], dtype=[("a", "i2"), ("b", "f8")])
        types["link"] = h5py.SoftLink("/types/f2")
        types["up"] = h5py.SoftLink("/")
        types["nowhere"] = h5py.SoftLink("/types/none")
        types["outside"] = h5py.ExternalLink("other.h5", "/x")
        f["types_again"] = f["types"]


main(sys.argv[1])
