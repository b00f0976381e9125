"""After training: the tuned model against its base on examples it did not see, what it forgot, and a verdict.

verdict = evaluate(rows, ask_tuned, ask_base, encoder, seed=7)      any two models, through what asks them
verdict = judge_training(task, trained)                             a training that has just ended, in its worker
"""

from finetune.after.evaluation import Reply, evaluate
from finetune.after.training import judge_training
from finetune.after.verdict import Measure, Verdict

__all__ = ["Measure", "Reply", "Verdict", "evaluate", "judge_training"]
