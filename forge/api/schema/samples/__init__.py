"""Programs for the main job: upload, then analyze. tests/e2e/test_code_samples.py runs them."""

from pathlib import Path

_LANGUAGES = {
    "analyze.sh": ("Shell", "curl"),
    "analyze.py.txt": ("Python", "Python"),
    "analyze.mjs": ("JavaScript", "JavaScript"),
}
_FOLDER = Path(__file__).parent

ANALYZE_SAMPLES = {
    "x-codeSamples": [
        {"lang": language, "label": label, "source": (_FOLDER / name).read_text()}
        for name, (language, label) in _LANGUAGES.items()
    ]
}
