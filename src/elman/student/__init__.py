"""Checks a student's own recurrent network, written as in textbooks, blogs and courses, and names its mistakes."""

from elman.student.check import StudentReport, check_student
from elman.student.program.load import StudentError, load_student
from elman.student.report import WeightCheck

__all__ = ["StudentError", "StudentReport", "WeightCheck", "check_student", "load_student"]
