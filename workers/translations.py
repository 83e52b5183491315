"""The words of an image in further languages, each by a request of its own to the model that writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workers.composing.metadata import ComposedMetadata
from workers.composing.written.fields import NothingLeft, compose_written
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Pixels
from workers.models.evidence import Evidence
from workers.models.options import Options
from workers.models.writer import NoUsableAnswer, Writer, WriterFailed, WriterTimeout


@dataclass(frozen=True, slots=True)
class Translations:
    """By language tag: the composed words, or why there are none (NoUsableAnswer, WriterFailed, WriterTimeout)."""

    composed: Mapping[str, ComposedMetadata] = field(default_factory=dict)
    failures: Mapping[str, Exception] = field(default_factory=dict)


def translate(writer: Writer, pixels: Pixels, facts: ImageFacts, evidence: Evidence, options: Options) -> Translations:
    """Write each of the options' translations; one that fails does not stop the others. Raises WriterUnavailable."""
    composed, failures = dict[str, ComposedMetadata](), dict[str, Exception]()
    for language in options.translations:
        own = replace(options, language=language)
        try:
            composed[language] = compose_written(writer.write(pixels, own), facts, evidence, own)
        except NothingLeft as error:
            failures[language] = NoUsableAnswer(str(error))
        except (NoUsableAnswer, WriterFailed, WriterTimeout) as error:
            failures[language] = error
    return Translations(composed, failures)
