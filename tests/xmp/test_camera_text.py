"""Which texts of cameras and programs are no words."""

import pytest

from xmp.camera_text import is_camera_text, is_wordless

OF_CAMERAS = (
    "OLYMPUS DIGITAL CAMERA",
    "OLYMPUS DIGITAL CAMERA         ",
    "KONICA MINOLTA DIGITAL CAMERA",
    "MINOLTA DIGITAL CAMERA",
    "DIGITAL CAMERA",
    "Kodak Digital Still Camera",
    "SAMSUNG DIGITAL CAMERA",
    "SONY DSC",
    "Minolta DSC",
    "EPSON DSC picture",
    "GE DIGITAL CAMERA",
    "KODAK Action Cam",
    "SONY DSC                       ",
    "Exif_JPEG_PICTURE",
    "<Digimax i6 PMP, Samsung #1>",
    "<KENOX S730  / Samsung S730>",
    "CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90",
    "LEAD Technologies Inc. V1.01",
    "Created with GIMP",
    "Created with The GIMP",
    "Processed with VSCO with a6 preset",
    "AppleMark",
)
IN_EXIF = (
    "",
    "    ",
    "1234",
    "2019-07-14 12:30",
    "...",
    "Default",
    "default",
    "untitled",
    "null",
    "N/A",
    "Exif JPEG",
    "Screenshot",
    "GCM_TAG",
    "W",
    "R:  139 G:  255 B:  189 X:39852 Y:    0 S:    0 Zs:   6",
    '&lt;?xml version="1.0"?&gt;',
    "DCIM",
    "SAMSUNG",
    "Canon",
    "NIKON CORPORATION",
    "FUJIFILM",
    "CASIO COMPUTER CO.,LTD",
    "OLYMPUS IMAGING CORP.",
    "Google",
    "cof",
    "dav",
    "hdrpl",
    "oznor",
    "ptroznor",
    "DSC_0012",
    "IMG_20190714_123456",
    "P1010234",
    "IMG_1234.JPG",
    r"DCIM\100MEDIA\DJI_0012.JPG",
    "SN4F2A9C3317",
    "3b241101-e2bb-4255-8caf-4136c566a962",
    "oplus_1048864",
    "Adobe Photoshop CS6 (Windows)",
    "Adobe Photoshop Lightroom Classic 9.2 (Macintosh)",
    "GIMP 2.10.8",
    "Picasa",
    "Edited with Snapseed",
    "Made with Paint.NET 4.2",
    '{"sceneMode": 4, "faces": []}',
    '<?xml version="1.0"?><OME></OME>',
    "ImageJ=1.53t\nimages=2",
    "filter: 0; jpegRotation: 90; fileterIntensity: 0.0; filterMask: 0;",
    "a cat on the moon\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7",
)
OF_PERSONS = (
    "Grandmother in Bern",
    "A red digital camera",
    "Olympus digital camera with a lens on a table",
    "Sony Center in Berlin",
    "The default view from our balcony",
    "Untitled No. 5 by Rothko",
    "Room 101",
    "Christmas2019",
    "Christmas 2019",
    "Canon in D, played by Mia",
    "14 July 2019: wedding",
    "B2B",
    "Bus 64",
    "祖母",
    "寿",
    "衛署醫字第0970204746號",
    "Opening hours: 9 to 12, Tel: 031 123",
    "Großmutter",
    "बुद्ध",
    "สวัสดี",
    "How I made this in Photoshop",
    "Photoshop workshop, day 2",
    "Created with love by Anna",
    "An IMG_1234.JPG that I found",
    "Note: buy milk; then bread",
    "Mother: Anna; father: Ben; 1950; Bern",
    "{Anna}",
    "[1] Anna [2] Ben",
    "Paris",
)


@pytest.mark.parametrize("text", OF_CAMERAS)
def test_a_text_of_a_camera_is_no_words_in_any_form(text: str) -> None:
    assert is_camera_text(text)
    assert is_wordless(text)


@pytest.mark.parametrize("text", IN_EXIF)
def test_numbers_names_and_data_are_no_words_in_exif_alone(text: str) -> None:
    assert is_wordless(text)
    assert not is_camera_text(text)


@pytest.mark.parametrize("text", OF_PERSONS)
def test_words_of_a_person_are_words(text: str) -> None:
    assert not is_wordless(text)
    assert not is_camera_text(text)


def test_the_camera_that_the_file_names_is_no_words() -> None:
    made_by = ("Nokia", "Lumia 920", "Windows Phone")

    assert all(is_wordless(text, made_by) for text in ("Nokia", "Nokia Lumia 920", "LUMIA 920", "windows phone"))
    assert not is_wordless("Nokia Lumia 920 review", made_by)
    assert not is_wordless("Nokia Lumia 920")


def test_a_long_text_takes_no_long_time() -> None:
    for text in ("a" * 65_000, "a=" * 30_000, "a: b; " * 10_000, "[" * 65_000, "1a" * 30_000, "a.jpg/" * 10_000):
        is_wordless(text)
