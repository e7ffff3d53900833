"""Pictures on disk: read as float tensors, written back as they came.

A file is read whole or refused: never half a picture, never 16 bits cut to 8. Pillow does that to colours, so files of
16 bits per channel have readers and writers of their own, a file for each format.
"""

from n2n.images.listing import list_images
from n2n.images.picture import Picture
from n2n.images.reading import read_image
from n2n.images.writing import refuse_unwritable, write_image

__all__ = ["Picture", "list_images", "read_image", "refuse_unwritable", "write_image"]
