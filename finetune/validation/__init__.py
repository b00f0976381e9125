"""The rules that training data is held against, module by module; finetune/validate.py runs them all."""
