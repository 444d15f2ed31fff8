class Stack:
	def __init__(self):
		self.items = []

	def push(self, item):
		self.items.append(item)

	def peek(self):
		return self.items[-1]

	def pop(self):
		return self.items.pop()
