"""The waist: every byte that enters goes through here, whatever door it came by.

`landing.py` opens and resumes uploads, `upload.py` takes their bytes, `seal.py` makes a delivery of them, `drop.py`
makes evidence of them, `recover.py` ends what a crash left, `budget.py` keeps memory flat, `digest.py` and
`wholeness.py` say what the bytes are and whether they are all there.
"""

from headwater.landing.budget import Budget
from headwater.landing.landing import Landing
from headwater.landing.means import Means, Rules
from headwater.landing.upload import Upload

__all__ = ["Budget", "Landing", "Means", "Rules", "Upload"]
