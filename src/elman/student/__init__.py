"""Checks a student's own recurrent network, written as in the textbook exercises, and names its mistakes."""

from elman.student.check import StudentReport, WeightCheck, check_student
from elman.student.load import StudentError, load_student

__all__ = ["StudentError", "StudentReport", "WeightCheck", "check_student", "load_student"]
