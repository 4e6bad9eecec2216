from collections.abc import Mapping
from typing import Final

from jobs.models import Article

#: The steps of an article's workflow in their order: the job type of each, and the stage that it leads to.
STEPS: Final[Mapping[str, tuple[str, Article.Stage]]] = {
    "extract": ("extract_content", Article.Stage.EXTRACTED),
    "summarize": ("summarize", Article.Stage.SUMMARIZED),
    "validate": ("validate_summary", Article.Stage.VALIDATED),
    "podcast": ("generate_podcast", Article.Stage.SPOKEN),
}
