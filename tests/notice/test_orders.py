import time
import pytest
from tests.world import build, people
@pytest.mark.django_db
def test_x(tmp_path):
    t=time.time(); w=build(tmp_path, people(3)); print("build", time.time()-t)
    t=time.time(); w.order(); print("order", time.time()-t)
    r=w.order
