"""nbgrader's settings for a class with these exercises; `make class` copies this file into the class's folder."""

c = get_config()  # noqa: F821, nbgrader defines it

c.CourseDirectory.course_id = "transfer_learning"

# What a student finds where the solution stood: a function that returns nothing, or a value that is still dots. The
# checks know both as "not attempted".
c.ClearSolutions.code_stub = {"python": "...  # your answer"}

# An endless loop is interrupted after so many seconds, costs its own points, and the cells below still run.
c.Execute.timeout = 60
c.Execute.interrupt_on_timeout = True

# Files as a learning platform hands them on, "Ada Lovelace 08_adaptation_objective.ipynb": who, then what. Who starts
# with a letter or a digit: a name of dots would lead out of the folder.
c.FileNameCollectorPlugin.named_regexp = r".*[/\\](?P<student_id>\w[^/\\]*?)[ _]+(?P<file_id>\d\d_\w+)\.ipynb$"
