"""Every failure that a user can cause or meet, as one tree.

GroundtuneError
├── SettingsError              a setting or a path given by the user cannot be used
├── ReceiptError               a file is not a receipt that can be replayed
├── CalibrationError           a fit of the confidence cannot be made, read or written
├── ReadError                  one file cannot be turned into text
│   ├── UnsupportedFileError   no reader for what the bytes are
│   ├── EncryptedFileError     a password is needed
│   ├── CorruptFileError       the bytes are not what the format asks for
│   ├── EmptyFileError         nothing to read in it
│   ├── ScannedFileError       only pictures of text: needs OCR first
│   └── FileTooLargeError      past a size, page or expansion limit
├── KnowledgeBaseError         a knowledge base cannot do what was asked
│   ├── KnowledgeBaseNotFoundError
│   ├── KnowledgeBaseExistsError
│   ├── KnowledgeBaseBusyError      another process is writing to it
│   ├── KnowledgeBaseDamagedError   its file cannot be opened or fails its checks
│   └── DocumentNotFoundError
├── RecordsError               conversations, feedback or votes cannot be read or kept
│   ├── RecordsBusyError            another process is writing them
│   ├── RecordsDamagedError         their database cannot be opened, or is of a newer version
│   ├── RecordNotFoundError         no such conversation, question or answer, or it is another's
│   └── RecordFormatError           a file is no exported answer
├── DatasetError               training data cannot be read, checked, made or kept
│   ├── DatasetFormatError          a file is no training data, or of no form that is known
│   ├── DatasetNotFoundError        no dataset, frozen dataset or row of this name
│   ├── DatasetExistsError          the name is taken
│   ├── DatasetFrozenError          what is frozen cannot be changed, or is not what its hash says
│   └── DatasetBusyError            another process is writing it
├── EvaluationError            an evaluation cannot be run, read or kept
│   ├── EvaluationNotFoundError     no run of this id
│   └── EvaluationBusyError         another process is writing the runs
├── TuningError                a fine-tuning job, its files or its models cannot do what was asked
│   ├── TuningNotFoundError         no such job, file, upload, checkpoint or tuned model
│   ├── TuningRequestError          what was asked for cannot be done as it was written; names the field
│   ├── TuningStateError            the job is past it, or not there yet
│   ├── TuningConflictError         the same idempotency key was used for another request
│   ├── TuningBusyError             another process holds the store, or has changed the job meanwhile
│   │   └── LeaseLostError              the writer's lease on the job has passed to another
│   └── TrainingFailedError         training ended without a model; carries a code
└── ModelError                 a model cannot be used
    ├── EmbeddingModelMissingError  the embedded model's weights are not installed, or not the published ones
    ├── NoModelConnectedError       this mode needs a chat model and none is connected
    ├── LocalModelNotFoundError     no model of this name was trained on this machine
    ├── LocalModelDamagedError      its files are missing, changed or of a newer version
    ├── StoppedError                the user stopped the answer
    ├── TrainingExtrasMissingError  torch, transformers and the like are not installed
    └── ProviderError               a model server refused or failed, or may not be asked
        └── SpendingLimitError      the next request may pass the limit that the user set, or has no known price

Each instance's text is one sentence for the user that says what to do next.
"""

from __future__ import annotations


class GroundtuneError(Exception):
    """Base of everything the program raises on purpose; `str(error)` is one sentence for the user."""


class SettingsError(GroundtuneError):
    """A setting, argument or path given by the user cannot be used."""


class CalibrationError(GroundtuneError):
    """A fit of the confidence cannot be made, read or written."""


class ReceiptError(GroundtuneError):
    """A file is not a receipt, or not one that can be replayed."""


class ReadError(GroundtuneError):
    """One file cannot be turned into text; the other files of the batch go on."""


class UnsupportedFileError(ReadError):
    """No reader exists for what the file's bytes are."""


class EncryptedFileError(ReadError):
    """The file needs a password that was not given."""


class CorruptFileError(ReadError):
    """The file's bytes are not what its format asks for."""


class EmptyFileError(ReadError):
    """The file holds nothing that could be read."""


class ScannedFileError(ReadError):
    """The file holds only pictures of text and needs OCR before it can be read."""


class FileTooLargeError(ReadError):
    """The file passes a limit on size, pages or expansion."""


class KnowledgeBaseError(GroundtuneError):
    """A knowledge base cannot do what was asked of it."""


class KnowledgeBaseNotFoundError(KnowledgeBaseError):
    """No knowledge base has this name."""


class KnowledgeBaseExistsError(KnowledgeBaseError):
    """The name is taken."""


class KnowledgeBaseBusyError(KnowledgeBaseError):
    """Another process is writing to the knowledge base."""


class KnowledgeBaseDamagedError(KnowledgeBaseError):
    """The knowledge base's file cannot be opened or fails its checks."""


class DocumentNotFoundError(KnowledgeBaseError):
    """The knowledge base holds no document with this id."""


class RecordsError(GroundtuneError):
    """Conversations, feedback or votes cannot be read or kept."""


class RecordsBusyError(RecordsError):
    """Another process is writing to the database of conversations."""


class RecordsDamagedError(RecordsError):
    """The database of conversations cannot be opened, or was written by a newer version."""


class RecordNotFoundError(RecordsError):
    """There is no such conversation, question or answer, or it belongs to someone else."""


class RecordFormatError(RecordsError, ValueError):
    """What was given is not an answer as Groundtune exports it."""


class DatasetError(GroundtuneError):
    """Training data cannot be read, checked, made or kept."""


class DatasetFormatError(DatasetError):
    """A file is no training data, or of no form that is known."""


class DatasetNotFoundError(DatasetError):
    """There is no dataset, frozen dataset or row of this name."""


class DatasetExistsError(DatasetError):
    """The name is taken."""


class DatasetFrozenError(DatasetError):
    """A frozen dataset cannot be changed, or its files are not what its hash says."""


class DatasetBusyError(DatasetError):
    """Another process is writing the dataset."""


class EvaluationError(GroundtuneError):
    """An evaluation cannot be run, read or kept."""


class EvaluationNotFoundError(EvaluationError):
    """There is no evaluation run of this id."""


class EvaluationBusyError(EvaluationError):
    """Another process is writing the evaluation runs."""


class TuningError(GroundtuneError):
    """A fine-tuning job, its files or its models cannot do what was asked."""


class TuningNotFoundError(TuningError):
    """There is no such job, file, upload, checkpoint or tuned model."""


class TuningRequestError(TuningError):
    """The request cannot be carried out as it was written.

    `code` and `param` are those of OpenAI's error envelope: "model_not_available", "training_file", ...
    """

    def __init__(self, sentence: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.param = param


class TuningStateError(TuningError):
    """The job cannot do that in the state it is in."""


class TuningConflictError(TuningError):
    """An idempotency key came back with another request."""


class TuningBusyError(TuningError):
    """Another process holds the store, or has changed the job meanwhile."""


class LeaseLostError(TuningBusyError):
    """The writer's lease on the job has passed to another, or was taken back."""


class TrainingFailedError(TuningError):
    """Training ended without a model. `code` is one of finetune.jobs.record.ErrorCode."""

    def __init__(
        self, sentence: str, *, code: str, param: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.param = param
        self.retryable = retryable


class ModelError(GroundtuneError):
    """A model cannot be used."""


class EmbeddingModelMissingError(ModelError):
    """The embedded model's weights are not installed, or are not the published ones."""


class NoModelConnectedError(ModelError):
    """The mode needs a chat model and none is connected."""


class LocalModelNotFoundError(ModelError):
    """No model of this name was trained on this machine."""


class LocalModelDamagedError(ModelError):
    """The files of a model trained on this machine are missing, changed or of a newer version."""


class StoppedError(ModelError):
    """The user stopped the answer."""


class TrainingExtrasMissingError(ModelError):
    """What was asked needs the packages of requirements-train.txt."""


class ProviderError(ModelError):
    """A model server refused or failed, or may not be asked."""


class SpendingLimitError(ProviderError):
    """The next request may pass the spending limit, or the limit cannot be kept for want of a price."""
