"""mmbind: pseudo-paired multimodal datasets and encoders from scattered sensor logs.

The package is one street, walked in one direction::

    sources -> validation -> windows -> roles -> encoders -> binding
            -> reports -> training -> evaluation

Every room offers one public function of the same name as its pipeline stage.
"""

__version__ = "0.1.0"
