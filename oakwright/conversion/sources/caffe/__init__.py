"""Caffe: a ``.prototxt`` and its ``.caffemodel``, read by a reader of our own."""

from .read import caffe_files, from_caffe

__all__ = ["caffe_files", "from_caffe"]
