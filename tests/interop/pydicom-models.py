"""What pydicom makes of DICOM files: one line of JSON each. Files on stdin, lines into the file given."""

import hashlib
import json
import logging
import sys
import warnings

import pydicom

warnings.simplefilter("ignore")
pydicom.config.logger.setLevel(logging.CRITICAL)
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


def digest(element):
    value = element.value or b""
    return f"sha256:{len(value)}:{hashlib.sha256(value).hexdigest()}"


with open(sys.argv[1], "w", encoding="utf-8") as lines:
    lines.write(json.dumps({"version": pydicom.__version__}) + "\n")
    for file in sys.stdin.read().splitlines():
        line = {"file": file}
        try:
            line["model"] = pydicom.dcmread(file, force=True).to_json_dict(
                bulk_data_threshold=0, bulk_data_element_handler=digest, suppress_invalid_tags=True
            )
        except Exception as error:  # what it cannot read is an answer too
            line["error"] = f"{type(error).__name__}: {error}"
        lines.write(json.dumps(line) + "\n")
